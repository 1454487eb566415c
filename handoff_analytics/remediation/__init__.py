"""What should be done, by whom, and what does it save?"""
