"""The seam between the harness and what plugs into it.

A method, a metric or a data set of another package imports from here and from nowhere else in
`benchmarks`. Import the modules themselves (`from benchmarks.api.restorer import Restorer`): this
package re-exports nothing, so that importing a card never imports torch.

- `card`      what is known of a method, as frozen data
- `restorer`  the abstract class that every method implements
- `dataset`   what is known of a data set, as frozen data
- `metric`    what is known of a metric, and the two classes that compute one
- `prompts`   the abstract class that says in words what an image shows
- `images`    8-bit RGB files in and out; `image_files` opens them, `colour_profiles` names theirs
- `folders`   what lies in a folder of images
- `resizing`  8-bit images by Pillow's filters
- `colour`    giving a restored image the colours of its source
- `tiling`    running a network on overlapping tiles of a large latent
- `seeds`     one random stream per image
- `weights`   where weights lie, how they are fetched and checked
- `errors`    the error tree and its exit codes
"""
