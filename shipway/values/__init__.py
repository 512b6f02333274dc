"""The frozen values that steps hand to each other: what was found, planned and proven.

Each is imported from the module in which it stands, so that no command makes more classes than
it needs: that takes as long as all else that a short command does.
"""
