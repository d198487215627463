"""A world of parcels, depots, carriers and customers in simulated time."""
