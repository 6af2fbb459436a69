"""The embedded Hub: a server on loopback that unchanged huggingface_hub, datasets and transformers take for the Hub."""
