"""Fingerprints: digests, perceptual hashes and thumbnails of images."""
