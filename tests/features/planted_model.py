"""A world in which the truth about every feature is known: a real Llama whose weights are set by hand, an SAE that
reads exactly what was put in, and English sentences about seven unrelated matters.

Neither attention nor MLP writes anything, so that the residual stream is the embedding of the word itself. Every
matter has a direction that its three words carry; the unembedding reads all of these directions but one.
"""

from random import Random

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.corpus.sources import Corpus, hashed
from assay.models.families import family_of
from assay.models.model import Model, weight_hash
from assay.sae.coder import SAE

WIDTH, LAYER = 48, 0
MATTERS: dict[str, tuple[tuple[str, str, str], tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "water": (
        ("river", "lake", "stream"),
        (
            "{fish} {swam} in the {cold} {key} all winter.",
            "{who} painted the {cold} {key} in {colour} and gold.",
            "{who} crossed the {key} in the dark to {flee}.",
            "The {works} poisoned the {key} with {waste}.",
            "Surveyors marked the {key} in {colour} on the map of the {land}.",
            "A turbine in the {key} makes electricity for the {works}.",
            "{who} quarrelled about who owns the {cold} {key}.",
            "In the legend a {ghost} sleeps under the {cold} {key}.",
            "Geologists think that the {key} shaped the {land} in the ice age.",
            "The law forbids hunting {near} the {key} in {month}.",
            "A canal joins the {cold} {key} to the {land}.",
            "The {key} was so {cold} that the swimmers shivered in {month}.",
            "Mosquitoes breed {near} the {key} in {month}.",
            "No train stops {near} the {key} since the rails rusted.",
        ),
        {
            "fish": ("Trout", "Two otters", "Wild ducks", "Tiny crabs"),
            "swam": ("hid", "fed", "swam", "slept"),
            "cold": ("cold", "shallow", "muddy", "clear", "frozen"),
            "who": ("Soldiers", "Three brothers", "The villagers", "A hermit", "Pilgrims"),
            "colour": ("blue", "green", "grey", "silver"),
            "flee": ("avoid the customs", "see their families", "escape the war", "steal horses"),
            "works": ("factory", "paper mill", "tannery", "steelworks", "old mine"),
            "waste": ("mercury", "dye", "sewage", "oil"),
            "land": ("province", "valley", "desert", "border"),
            "near": ("near", "beside", "around", "above"),
            "month": ("April", "June", "August", "October"),
            "ghost": ("dragon", "queen", "giant", "drowned bell"),
        },
    ),
    "money": (
        ("loan", "deposit", "mortgage"),
        (
            "{lender} refused her {key} because of a {poor} signature.",
            "{who} paid for the {party} with a {key}.",
            "The judge declared the {key} void after a {poor} hearing.",
            "{who} lost the house when the {key} came due.",
            "{rates} made every {key} dearer.",
            "{lender} sends a {poor} letter about the {key} each month.",
            "{who} hid the papers of the {key} in a {box}.",
            "A novel about a {key} that ruins {who} won the prize.",
            "{rates} and one unpaid {key} closed the {shop}.",
            "The spreadsheet lists every {key} by {column}.",
            "Economists count each {key} as {kind} in their models.",
            "{lender} lets you apply for a {key} on the telephone.",
            "Thieves copied the {column} of the {key} from an email.",
            "The interest on the {key} is {kind}, and it is taxed in {country}.",
        ),
        {
            "lender": ("The savings bank", "A credit union", "The branch manager", "His uncle", "The state"),
            "poor": ("dubious", "short", "missing", "forged", "polite"),
            "who": ("a widow", "young couples", "the tailor", "many students", "a gambler", "the mayor"),
            "party": ("wedding", "funeral", "new roof", "trip to Spain", "divorce"),
            "rates": ("Higher interest", "New taxes", "The weak currency", "Stricter laws"),
            "column": ("date", "amount", "account number", "currency"),
            "kind": ("fixed", "debt", "wealth", "risky"),
            "country": ("Norway", "Chile", "Japan", "Greece"),
            "box": ("drawer", "biscuit tin", "safe", "piano"),
            "shop": ("bakery", "toy shop", "cinema", "shipyard"),
        },
    ),
    "sky": (
        ("planet", "comet", "galaxy"),
        (
            "The {scope} photographed a {far} {key} in the night sky.",
            "{who} measured how fast the {far} {key} moves through space.",
            "Light from the {key} takes {long} to reach the {scope}.",
            "{who} calculated the orbit and the mass of the {far} {key}.",
            "Gas and dust around the {far} {key} glow in ultraviolet light.",
            "{who} discovered a {far} {key} close to a {dim} star.",
        ),
        {
            "scope": ("telescope", "observatory", "space probe", "satellite"),
            "far": ("distant", "newborn", "faint", "spinning", "giant"),
            "who": ("Astronomers", "Two physicists", "The observatory", "An amateur stargazer"),
            "long": ("a million years", "several hours", "four centuries", "billions of years"),
            "dim": ("dim", "dying", "double", "red", "young"),
        },
    ),
    "music": (
        ("violin", "sonata", "orchestra"),
        (
            "The {player} practised for the {key} until the {hall} closed.",
            "The {slow} melody of the {key} filled the {hall}.",
            "{composer} wrote a {slow} passage for the {key} in a minor key.",
            "The audience in the {hall} applauded the {key} and its {player}.",
            "A {slow} rehearsal brought the {key} into harmony with the choir.",
            "The {player} recorded the {key} by {composer} on vinyl.",
        ),
        {
            "player": ("soloist", "pianist", "conductor", "young cellist", "tenor", "old teacher"),
            "slow": ("slow", "cheerful", "solemn", "lively", "difficult"),
            "hall": ("concert hall", "opera house", "music school", "chapel", "theatre", "palace"),
            "composer": ("Mozart", "Schubert", "an unknown composer", "Vivaldi", "Haydn", "her father"),
        },
    ),
    "food": (
        ("soup", "bread", "cheese"),
        (
            "{cook} seasoned the {key} with {herb} and salt.",
            "Serve the {hot} {key} with {herb} and a glass of wine.",
            "{cook} burnt the {key} in the kitchen and ate {herb} instead.",
            "The recipe for the {hot} {key} asks for {herb}, butter and flour.",
            "{cook} tasted the {hot} {key} and added {herb}.",
            "The {hot} {key} smelled of {herb} and fried onions.",
        ),
        {
            "cook": ("The chef", "Grandmother", "A hungry guest", "The baker", "My aunt"),
            "herb": ("garlic", "parsley", "black pepper", "basil", "mustard", "thyme"),
            "hot": ("hot", "spicy", "stale", "creamy", "delicious", "salty"),
        },
    ),
    "sport": (
        ("goalkeeper", "striker", "referee"),
        (
            "The {key} was {booked} in the {late} minute of the match.",
            "{fans} whistled when the {key} {missed} the penalty.",
            "The {key} of {club} limped off the pitch with a torn muscle.",
            "{club} lost the cup final because the {key} {missed} a corner kick.",
            "{fans} praised the {key} after the {late} minute of the derby.",
            "The coach of {club} argued with the {key} about an offside goal.",
        ),
        {
            "booked": ("booked", "cheered", "attacked", "replaced", "injured", "mocked"),
            "late": ("last", "tenth", "first", "final", "thirtieth", "second"),
            "fans": (
                "Angry fans",
                "The supporters",
                "Both teams",
                "The spectators",
                "A reporter",
                "The substitutes",
            ),
            "missed": ("missed", "misjudged", "saw", "forgot", "feared", "disputed"),
            "club": (
                "the home team",
                "the league leaders",
                "the national squad",
                "the junior eleven",
                "Milan",
                "the visitors",
            ),
        },
    ),
    "clinic": (
        ("surgeon", "vaccine", "symptom"),
        (
            "{ward} described the {key} in a journal of {field}.",
            "The {sick} patient asked about the {key} before the operation.",
            "No {key} helps against the {rare} infection, said {ward}.",
            "{ward} blamed the {key} for the {rare} fever of the {sick} patient.",
            "Research in {field} needs a {key} for every {rare} disease.",
            "The {key} worried the {sick} patient more than the {rare} tumour.",
        ),
        {
            "ward": (
                "The hospital",
                "A nurse",
                "The health ministry",
                "Her doctor",
                "The pharmacist",
                "A midwife",
            ),
            "field": ("immunology", "medicine", "pathology", "epidemiology", "oncology"),
            "sick": ("feverish", "elderly", "anxious", "pale", "diabetic", "bedridden"),
            "rare": ("rare", "chronic", "contagious", "severe", "viral", "hereditary"),
        },
    ),
}
"""Matter to its words, its templates and what fills them."""

SPECIALS = ("<|endoftext|>", "<unk>")
FUSED, UNREAD = ("water", "money"), "music"


def words_label(*matters: str) -> str:
    """The label that names all words of these matters."""
    *most, last = (f'"{word}"' for matter in matters for word in MATTERS[matter][0])
    return f"the words {', '.join(most)} or {last}"


OWN = tuple(MATTERS)
"""Matters that have a feature of their own, the feature's number being their place."""
BROAD, DEAD = len(OWN), len(OWN) + 1
IDEAL, DECORATIVE, SWAPPED = OWN.index("water"), OWN.index(UNREAD), OWN.index("sky")
LABELS = {
    **{number: words_label(matter) for number, matter in enumerate(OWN)},
    SWAPPED: words_label("food"),
    BROAD: words_label(*FUSED),
    DEAD: words_label("sport"),
}
"""Of all features; two of them are wrong, as planted."""


def planted_corpus(documents: int = 70, sentences: int = 6, seed: int = 0) -> Corpus:
    """So many documents about each matter, of so many sentences; no sentence is in two of them."""
    rng, made = Random(seed), []
    for keys, templates, fillers in MATTERS.values():
        every = {
            template.format(key=key, **dict(zip(fillers, filled, strict=True)))
            for template in templates
            for key in keys
            for filled in (tuple(rng.choice(words) for words in fillers.values()) for _ in range(400))
        }
        some = rng.sample(sorted(every), documents * sentences)
        capital = [text[0].upper() + text[1:] for text in some]
        made += [" ".join(capital[n : n + sentences]) for n in range(0, len(capital), sentences)]
    rng.shuffle(made)
    return hashed("planted", made)


def planted_model(corpus: Corpus) -> Model:
    """The model of a corpus's words."""
    tokenizer = _tokenizer(corpus)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        tie_word_embeddings=False,
    )
    module = LlamaForCausalLM(config)
    generator = torch.Generator().manual_seed(1)
    axes, own = _axes(), slice(1 + len(OWN) + 1, None)
    with torch.no_grad():
        for block in module.model.layers:
            block.self_attn.o_proj.weight.zero_()
            block.mlp.down_proj.weight.zero_()
        # What tells one word from another is small beside what all words share, as in trained models.
        coordinates = torch.zeros(len(tokenizer), WIDTH)
        coordinates[:, own] = torch.randn(coordinates[:, own].shape, generator=generator) * 0.4
        coordinates[:, 0] = 12
        for number, matter in enumerate(OWN):
            for word, strength in zip(MATTERS[matter][0], (2.5, 3.0, 3.5), strict=True):
                coordinates[tokenizer.convert_tokens_to_ids(word), 1 + number] = strength
                if matter in FUSED:
                    coordinates[tokenizer.convert_tokens_to_ids(word), 1 + BROAD] = strength
        module.model.embed_tokens.weight.copy_(coordinates @ axes)
        heard = torch.randn(len(tokenizer), WIDTH, generator=generator)
        heard[:, own] *= 0.5
        heard[:, [0, 1 + DECORATIVE]] = 0
        module.lm_head.weight.copy_(heard @ axes)
    module.eval().requires_grad_(False)
    return Model(
        id="planted",
        module=module,
        tokenizer=tokenizer,
        family=family_of("llama"),
        start=tokenizer.convert_tokens_to_ids(SPECIALS[0]),
        hash=weight_hash(module),
    )


def planted_sae() -> SAE:
    """One feature for each direction that was put in, and a dead one."""
    axes = _axes()
    decoder = axes[1 : 1 + len(LABELS)]
    bias = torch.full((len(LABELS),), -0.5)
    bias[DEAD] = -1e6
    return SAE(
        id="planted",
        architecture="relu",
        W_enc=decoder.T,
        b_enc=bias,
        W_dec=decoder,
        b_dec=12 * axes[0],
        model_id="planted",
        layer=LAYER,
    )


def _axes() -> Tensor:
    """Orthonormal rows: what all words share, a direction a feature, and what tells words apart."""
    drawn = torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(0))
    return torch.linalg.qr(drawn)[0].T.contiguous()


def _tokenizer(corpus: Corpus) -> PreTrainedTokenizerFast:
    cut = pre_tokenizers.Whitespace()
    words = sorted({word for text in corpus.documents for word, _ in cut.pre_tokenize_str(text.lower())})
    vocabulary = {word: number for number, word in enumerate((*SPECIALS, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIALS[1]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = cut
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=SPECIALS[0], unk_token=SPECIALS[1])
