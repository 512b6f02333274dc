"""What each task does: settings, plan, the question, the step, the answer."""
