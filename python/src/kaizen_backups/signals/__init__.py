"""How others hear of it: metrics, the mail digest, the webhook."""
