"""One module per stage of the pipeline, in the order in which data goes through them."""
