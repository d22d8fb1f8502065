//! Views hide the pixels of their equations.

use figureground::mask::{PixelBox, Regions, Shape, Size};
use figureground::view::{Areas, Fill, ViewComposer, hide};

#[test]
fn every_view_hides_the_pixels_of_its_equation() {
    // person, object inside the person's box, object, background, limb outside every box
    let size = Size::new(5, 1).unwrap();
    let (mut person, mut objects) = (Shape::new(size), Shape::new(size));
    person.pixels_mut()[0] = true;
    person.pixels_mut()[4] = true;
    objects.pixels_mut()[1..3].fill(true);
    let regions = Regions {
        person: &person,
        person_boxes: &[PixelBox { left: 0, top: 0, right: 2, bottom: 1 }],
        objects: Some(&objects),
        object_boxes: &[],
    };
    let mut views = vec![0.0; 45];
    let mut composer = ViewComposer::new(size, Fill([7.0; 3]), Some(Fill([8.0; 3])));
    let areas = composer.compose(&[1.0; 15], &regions, &mut views).unwrap();
    assert_eq!(views[..5], [1.0; 5]);
    assert_eq!(views[15..20], [1.0, 8.0, 8.0, 7.0, 1.0]);
    assert_eq!(views[30..35], [7.0, 1.0, 1.0, 1.0, 7.0]);
    assert_eq!(areas, Areas { person: 0.4, background: 0.6 });
}

#[test]
fn planes_of_another_size_are_refused() {
    let hidden = Shape::new(Size::new(4, 1).unwrap());
    assert!(hide(&[0.0; 12], &hidden, Fill([0.0; 3]), &mut [0.0; 11]).is_err());
    assert!(hide(&[0.0; 4], &hidden, Fill([0.0; 3]), &mut [0.0; 12]).is_err());
}
