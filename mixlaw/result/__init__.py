"""What a fit is: its types, predictions, files and screen; numpy alone, nothing of fitting."""
