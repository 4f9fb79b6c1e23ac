"""How long what is kept: months to files, files to answers, and the end of what is kept no longer."""
