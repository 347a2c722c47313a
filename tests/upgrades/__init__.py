"""Files that earlier versions of the program wrote are read by this one, with the same result."""
