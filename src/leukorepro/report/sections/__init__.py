"""The report's sections: content, figures and template of each in one folder."""
