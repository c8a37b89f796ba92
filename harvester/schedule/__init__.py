"""When and where: what is due, token deadlines, the queue, and the service process. Knows not how a page is read."""
