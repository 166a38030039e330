"""The dashboard: one terminal that says whether all is well."""
