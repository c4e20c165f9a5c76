"""The web app: both panels on one local page, over a worker that does the models' work."""
