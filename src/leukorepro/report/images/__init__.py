"""How do a dataset's images look: in small, and in their mean colours?"""
