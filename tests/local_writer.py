"""A tiny instruct model as a folder, for what asks a language model in this process."""

from pathlib import Path

from small import save_tiny

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def instruct(folder: Path) -> Path:
    """A tiny model that takes turns; its window is long enough for the prompts, letter by letter."""
    save_tiny(folder, max_position_embeddings=32_768)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder
