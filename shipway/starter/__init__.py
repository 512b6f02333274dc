"""What a project gets to start with: looked for, planned and written, never over what is there."""
