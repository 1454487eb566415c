"""Which formats hold runs of workflows?"""
