"""Which formats hold event logs of process mining?"""
