"""Families: words that are one to a reader, but not to the stemmer. Pure.

`matrix` and `matrices`, `molecule` and `molecular`, `medicine` and `medical`, `optimise` and `optimize`: a
paper says either. Chosen by eye among stems that begin alike and point in near directions in the background,
British spellings, and plurals; what is merely related (`neuron` and `neural`) is no family.
"""

import re

#: A family a line; the first stem stands for all.
_FAMILIES = """
alga algal
aluminum aluminium
analog analogu
analysi analys analyz
anatomi anatom
anemia anaemia
anesthesia anaesthesia
anomali anomal
armor armour
artifact artefact
automaton automata
bacteria bacterium bacteri
behavior behaviour
biomolecul biomolecular
catalog catalogu
center centr
chemic chemistri
child children
color colour
corpus corpora
cortex cortic
crisi crise
criterion criteria
defens defenc
diagnosi diagnost diagnos
dialogu dialog
edema oedema
endoscopi endoscop
epithelium epitheli
equilibrium equilibria
estrogen oestrogen
explain explan
favor favour
fetal foetal
fiber fibr
flavor flavour
fungus fungi fungal
geometri geometr
gray grey
hamiltonian hamilton
handwritten handwrit
hematolog haematolog
hemorrhag haemorrhag
humor humour
hypothesi hypothes
imbalanc imbal
judgment judgement
label labell
labor labour
leukemia leukaemia
licens licenc
locus loci
mammographi mammogram
markov markovian
matrix matric
medic medicin
metastasi metastas metastat
microscopi microscop
mitochondria mitochondrion mitochondri
model modell
molecul molecular
mous mice
neighbor neighbour
nucleus nuclei
odor odour
offens offenc
optim optimum optima
orthoped orthopaed
overparametr overparameter
pediatr paediatr
phenomenon phenomena
polyhedron polyhedra
prognosi prognost
program programm
prosthesi prosthes prosthet
retina retin
rumor rumour
salienc salient
schema schemata
sheaf sheav
simplex simplic
skelet skeleton
skeptic sceptic
spars sparsiti
spectral spectrum spectra
spectroscopi spectroscop
stimulus stimuli
sulfur sulphur
summari summar
synthesi synthes synthesiz
tomographi tomograph
tooth teeth
tumor tumour
uncertainti uncertain
vapor vapour
virus viral
woman women
"""

#: What stands for a stem.
FIRST = {stem: first for first, *others in map(str.split, _FAMILIES.strip().split("\n")) for stem in others}

#: British verbs and what is made of them; words that have their `ise` everywhere are none.
_BRITISH = re.compile(r"([a-z]{4,})is(ations?|e[drs]?|ers|ing)")
_EVERYWHERE = re.compile(
    r".*(?:w|advert|appr|appra|chast|circumc|compr|conc|desp|disgu|exerc|expert|franch|improv|mala|merchand|nna"
    r"|no|parad|pract|prec|prem|prom|quo|repr|rpo|rto|superv|surpr|telev|terpr|treat)"
)


def american(word: str) -> str:
    """The folded word as Americans spell it, if it ends as `optimise` or `optimisation` does."""
    found = _BRITISH.fullmatch(word)
    if not found or _EVERYWHERE.fullmatch(found[1]):
        return word
    return f"{found[1]}iz{found[2]}"
