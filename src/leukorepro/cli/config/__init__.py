"""Resolve configurations; write their schemas and DVC's stages."""
