"""The demo: six small models on real digits, two good ones and four that must not ship."""
