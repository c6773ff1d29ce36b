"""Model providers: what speaks to the vendors' APIs under a workspace's key. Importing this costs nothing: SDKs are loaded on first use."""
