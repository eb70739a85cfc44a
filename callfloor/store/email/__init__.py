"""SQL of e-mails: what comes in, its queue, its answers on their way out."""
