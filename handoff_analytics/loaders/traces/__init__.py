"""Which formats hold traces?"""
