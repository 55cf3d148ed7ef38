"""The page of a fit: one HTML file that opens from a mail, without a network."""
