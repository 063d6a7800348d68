"""The report's pages: of each kind its content and its template in one folder."""
