"""Probes by a language model: any server that speaks OpenAI's protocol, or Anthropic's."""
