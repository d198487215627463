"""The carriers' and the refund provider's side of the wire, in their real formats."""
