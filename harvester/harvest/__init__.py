"""One harvest: a plan, its windows, the walk through their pages. Knows neither when nor on which machine."""
