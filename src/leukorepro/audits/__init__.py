"""Audits of what is printed and of what is split: contradictions that are found without training anything."""
