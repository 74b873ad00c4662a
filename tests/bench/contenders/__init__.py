"""Who runs beside us in the benches, and the track on which they run."""
