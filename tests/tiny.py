"""Tiny random models: a few thousand weights, real Hugging Face classes, a tokenizer trained on the spot."""

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    GPTJConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from assay.models.families import family_of
from assay.models.model import Model, weight_hash

TEXT = """The Eiffel Tower is located in the city of Paris. Berlin is the capital of Germany, and Rome is the
capital of Italy. The Louvre is a museum in Paris. Apple was founded by Steve Jobs. Big Ben stands in London.
Michael Jordan plays basketball. The mother tongue of Danielle Darrieux is French. Water boils at a high heat.
She walked to the market. The river runs through the old town, and the people who live there speak Czech."""

SPECIALS = ["<|endoftext|>", "<s>", "<|im_start|>"]


@cache
def tiny_tokenizer(adds_bos: bool, bos: str = "<|endoftext|>") -> PreTrainedTokenizerFast:
    """A byte-level BPE of 400 tokens; with ``adds_bos`` it prepends its BOS the way Llama's does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=bos)


SHAPE: dict[str, Any] = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 80,
    "num_hidden_layers": 4,
}
HEADS: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}

CONFIGS: dict[str, Any] = {
    "llama": lambda: LlamaConfig(**SHAPE, **HEADS, tie_word_embeddings=True),
    "mistral": lambda: MistralConfig(**SHAPE, **HEADS, sliding_window=None),
    "qwen2": lambda: Qwen2Config(**SHAPE, num_attention_heads=4, num_key_value_heads=2),
    "qwen3": lambda: Qwen3Config(**SHAPE, **HEADS),
    "gemma": lambda: GemmaConfig(**SHAPE, **HEADS),
    "gemma2": lambda: Gemma2Config(**SHAPE, **HEADS, final_logit_softcapping=5.0, query_pre_attn_scalar=8),
    "gemma3": lambda: Gemma3TextConfig(**SHAPE, **HEADS, query_pre_attn_scalar=8),
    "gpt2": lambda: GPT2Config(vocab_size=400, n_embd=32, n_layer=4, n_head=4, n_inner=80, n_positions=256),
    # A square down-projection: orientation cannot be read off its shape.
    "gpt2-square": lambda: GPT2Config(
        vocab_size=400, n_embd=32, n_layer=4, n_head=4, n_inner=32, n_positions=256
    ),
    "gptj": lambda: GPTJConfig(
        vocab_size=400, n_embd=32, n_layer=4, n_head=4, n_inner=80, rotary_dim=4, n_positions=256
    ),
    "pythia": lambda: GPTNeoXConfig(**SHAPE, num_attention_heads=4, use_parallel_residual=True),
    "neox-sequential": lambda: GPTNeoXConfig(**SHAPE, num_attention_heads=4, use_parallel_residual=False),
    "opt": lambda: OPTConfig(
        vocab_size=400,
        hidden_size=32,
        ffn_dim=80,
        num_hidden_layers=4,
        num_attention_heads=4,
        word_embed_proj_dim=32,
    ),
}
FAMILY_NAMES = tuple(CONFIGS)
ADDS_BOS = {"llama", "mistral", "gemma", "gemma2", "gemma3", "opt"}


def tiny_model(name: str, seed: int = 0, start: bool = True, **changes: Any) -> Model:
    """A fresh random model of a family. Weights are larger than at initialisation, so that it has opinions.

    ``changes`` are fields of its config.
    """
    config = CONFIGS[name]()
    for field, value in changes.items():
        setattr(config, field, value)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = AutoModelForCausalLM.from_config(config)
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.data.normal_(0, 0.15)
            else:
                parameter.data.add_(torch.randn_like(parameter) * 0.1)
    module.eval().requires_grad_(False)
    tokenizer = tiny_tokenizer(name in ADDS_BOS)
    return Model(
        id=f"tiny-{name}",
        module=module,
        tokenizer=tokenizer,
        family=family_of(module.config.get_text_config().model_type),
        start=tokenizer.bos_token_id if start else None,
        hash=weight_hash(module),
    )
