"""Makes an Eclipse of the OSGi bundles that Debian packages, while the image is built; nothing of this stays in the image."""
