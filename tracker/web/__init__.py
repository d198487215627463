"""The faces: customer, depot, console, API; thin views over the steps."""
