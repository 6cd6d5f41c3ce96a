"""How quick sitool is, beside its peers on the same machine and the same work."""
