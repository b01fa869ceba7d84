"""Views: changed copies of a decoded image, for asking a model a second time.

A view is a pure function of pixels and a key. Nothing is drawn at random: what looks random is a
hash of the kind of view and the key of the image, the digest of its pixels. So shards, workers and
machines see the same bytes, and a renamed image gets the same noise. Lengths are shares of the
shorter side, so that they mean the same at any size.
"""
