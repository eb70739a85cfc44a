"""SQL of what a centre file describes: organisations, campaigns, workflows, prompts."""
