"""Jars for tests, compiled by the Scala that comes with a pyspark."""

import glob
import os
import subprocess
import zipfile


def compiled(python, folder, sources):
    """A new folder with the classes of sources: {name: text}."""
    folder.mkdir()
    paths = []
    for name, text in sources.items():
        paths.append(folder / (name + ".scala"))
        paths[-1].write_text(text)
    home, = glob.glob(os.path.join(
        os.path.dirname(os.path.dirname(python)),
        "lib/python3*/site-packages/pyspark"))
    subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", home + "/jars/*",
         "scala.tools.nsc.Main", "-usejavacp", "-nowarn", "-d", str(folder)] +
        [str(path) for path in paths], check=True, cwd=str(folder))
    return folder


def make_jar(jar, folder, pattern="**/*.class"):
    """Adds classes below a folder to a jar."""
    with zipfile.ZipFile(str(jar), "a") as out:
        for path in sorted(folder.glob(pattern)):
            out.write(str(path), str(path.relative_to(folder)))
    return jar
