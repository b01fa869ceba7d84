"""The subject: all reading of files, and all distrust of them."""
