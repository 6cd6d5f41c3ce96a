"""The character vocabulary of the built-in base, as a plain Hugging Face tokenizer.

Every printable ASCII character and the line break is a token; so are the two
verdicts, as whole words. What it leaves out: merges, other scripts (they become
the unknown token).
"""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sitool.models.verdict import CORRECT, INCORRECT

PAD, END, UNKNOWN = "<pad>", "<end>", "<unk>"
CHARACTERS = ["\n", *(chr(code) for code in range(32, 127))]


def build_tokenizer(max_length: int) -> PreTrainedTokenizerFast:
    """Make the tokenizer; it adds no token of its own to a text.

    Args:
        max_length: Tokens that the model can read, prompt and answer together.
    """
    vocabulary = {text: i for i, text in enumerate([PAD, END, UNKNOWN, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in (CORRECT, INCORRECT)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        padding_side="left",
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )
