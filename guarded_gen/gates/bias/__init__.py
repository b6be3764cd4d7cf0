"""Audit of bias: does the prompt gate refuse some groups more than others, and what is shown?"""
