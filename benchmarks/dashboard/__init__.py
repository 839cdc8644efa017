"""The picture of the dashboard: recorded on the local AWS, drawn from the dashboard's own text."""
