"""Which formats hold what systems wrote down as it happened?"""
