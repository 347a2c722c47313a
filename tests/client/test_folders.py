from __future__ import annotations

from pathlib import Path

from ecgfm_client.folders import find_recordings, group_files


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_a_header_and_its_signal_files_are_one_recording(tmp_path: Path) -> None:
    write(
        tmp_path / "a",
        r1__hea="r1 2 500 10\nr1.dat 16 200 16 0 0 0 0 I\nother.dat 16 200 16 0 0 0 0 II\n",
        r1__dat="x",
        other__dat="y",
    )
    write(tmp_path / "a", r1__atr="an annotation", README__md="about", x__dcm="z")
    recordings = find_recordings(tmp_path)
    assert [recording.name for recording in recordings] == ["a/r1", "a/x.dcm"]
    assert [path.name for path in recordings[0].files] == ["r1.hea", "r1.dat", "other.dat"]


def test_segments_belong_to_the_recording_that_names_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        m__hea="m/2 1 500 20\ns1 10\n~ 5\ns2 10\n",
        s1__hea="s1 1 500 10\ns1.dat 16\n",
        s2__hea="s2 1 500 10\ns2.dat 16\n",
    )
    write(tmp_path, s1__dat="x", s2__dat="y")
    (recording,) = find_recordings(tmp_path)
    assert recording.name == "m"
    assert [path.name for path in recording.files] == [
        "m.hea",
        "s1.hea",
        "s2.hea",
        "s1.dat",
        "s2.dat",
    ]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / ".git", a__npy="x")
    write(tmp_path / "b", a__npy="x")
    (tmp_path / "b" / ".hidden.npy").write_text("x")
    assert [recording.name for recording in find_recordings(tmp_path)] == ["b/a.npy"]


def test_the_files_that_a_user_names_are_grouped_in_any_order(tmp_path: Path) -> None:
    write(tmp_path, r__hea="r 1 500 10\nr.dat 16\n", r__dat="x", notes__txt="an ECG after all")
    recordings = group_files([tmp_path / "notes.txt", tmp_path / "r.dat", tmp_path / "r.hea"])
    assert sorted(len(recording.files) for recording in recordings) == [1, 2]


def test_a_header_without_its_signal_file_is_a_recording(tmp_path: Path) -> None:
    write(tmp_path, r__hea="r 1 500 10\ngone.dat 16\n", empty__hea="")
    assert [len(recording.files) for recording in find_recordings(tmp_path)] == [1, 1]
