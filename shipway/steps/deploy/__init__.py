"""Deploy: build staged, smoke test, promote, prove; and the way back."""
