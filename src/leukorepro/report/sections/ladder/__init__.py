"""The leakage ladder of the number that a paper is quoted for."""
