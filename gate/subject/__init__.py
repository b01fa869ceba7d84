"""What is judged: all reading of files, and all distrust of them."""
