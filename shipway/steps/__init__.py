"""The steps of a release: each takes proof, acts through the powers it is handed, returns proof."""
