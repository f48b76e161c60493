import pytest

from digest.match.names import is_same_person


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shengkui Zhao", "S. Zhao"),
        ("Shengkui Zhao", "Zhao, Shengkui"),
        ("Shengkui Zhao", "Zhao S"),
        ("Shengkui Zhao", "SHENGKUI ZHAO"),
        ("Sheng-Kui Zhao", "Shengkui Zhao"),
        ("Émile Noether", "Emile Noether"),
        ("Łukasz Kaiser", "L. Kaiser"),
        ("Jürgen Schmidhuber", 'J\\"urgen Schmidhuber'),
        ("J.-P. Serre", "Jean-Pierre Serre"),
        ("Geoffrey E. Hinton", "Geoffrey Hinton"),
        ("Jan van den Berg", "J. van den Berg"),
        ("van den Berg", "Jan van den Berg"),
        ("John Smith", "John Smith Jr."),
        ("John Smith", "Smith, J., PhD"),
        ("JM Smith", "John M. Smith"),
        ("Ada Lovelace (London)", "Ada Lovelace"),
        ("O'Brien, Kate", "Kate O’Brien"),
        ("张三", "张 三"),
        ("Tao XU", "Tao Xu"),
        ("Tao XU", "Tao, X. U."),
        ("Tao\u00a0XU (MIT)", "Tao Xu"),
        ("Jean Claude XU", "Xu, Jean-Claude"),
        ("XU Tao", "Tao Xu"),
        ("WANG Xiao Lei", "Xiao-Lei Wang"),
        ("NG Andrew", "Andrew Ng"),
        ("AJ Smith", "Smith, A. J."),
        ("Andrew NG", "Andrew Ng"),
    ],
)
def test_one_person_is_found_under_each_spelling(one: str, other: str) -> None:
    assert is_same_person(one, other)
    assert is_same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shengkui Zhao", "Shengkai Zhao"),
        ("Shengkui Zhao", "X. Zhao"),
        ("Shengkui Zhao", "Shengkui Zhou"),
        ("Kate Brien", "Kate O'Brien"),
        ("Tao XU", "Tan Xu"),
        ("XU Tao", "T. Xu"),
        ("AJ Smith", "Aj, S."),
        ("JAMES SMITH", "Smith James"),
        ("Smith MA", "S. Ma"),
        ("Smith MA", "Ma S"),
        ("Zhao SK", "Zhao Sk"),
        ("", "Ada Lovelace"),
        ("", ""),
    ],
)
def test_other_people_stay_other_people(one: str, other: str) -> None:
    assert not is_same_person(one, other)
