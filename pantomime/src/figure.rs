//! Draws an actor as rounded bodies around a skeleton.

use crate::actor::{Actor, Cut, Haircut, Legwear};
use crate::colour::{Colour, hex};
use crate::polygons::Modeller;
use crate::skeleton::{Limb, Skeleton};
use crate::vector::Vector;

/// Draws `actor` in the pose of `skeleton`.
pub(crate) fn draw(actor: &Actor, skeleton: &Skeleton, modeller: &mut Modeller<'_>) {
    let mut figure = Figure { actor, skeleton, modeller };
    figure.trunk();
    figure.neck();
    figure.head();
    for side in 0..2 {
        figure.leg(&skeleton.legs[side]);
        figure.arm(&skeleton.arms[side]);
    }
}

#[derive(Debug)]
struct Figure<'a, 'b> {
    actor: &'a Actor,
    skeleton: &'a Skeleton,
    modeller: &'a mut Modeller<'b>,
}

impl Figure<'_, '_> {
    /// Scales a length of an average body to this actor, in metres.
    fn long(&self, metres: f32) -> f32 {
        metres * self.actor.build.stature
    }

    /// Scales a thickness of an average body to this actor, in metres.
    fn thick(&self, metres: f32) -> f32 {
        self.long(metres) * self.actor.build.girth
    }

    fn skin(&self) -> Colour {
        self.actor.skin.colour()
    }

    fn limb(&mut self, from: Vector, to: Vector, radii: [f32; 2], colour: Colour) {
        let radii = radii.map(|radius| self.thick(radius));
        self.modeller.body(&[(from, radii[0]), (to, radii[1])], colour);
    }

    fn trunk(&mut self) {
        let body = self.skeleton;
        let (across_hips, across_waist) = (body.left * self.long(0.07), body.left * self.long(0.065));
        let (hip, waist, shoulder) = (self.thick(0.105), self.thick(0.098), self.thick(0.07));
        let clothes = self.actor.clothes;
        let dressed = clothes.cut == Cut::Dress;
        let below = match clothes.legwear {
            _ if dressed => clothes.top.colour,
            Legwear::Bare => self.skin(),
            _ => clothes.bottom.colour,
        };
        self.modeller.group(body.hips, if dressed { 0.12 } else { 0.0 });
        self.modeller
            .body(&[(body.hips + across_hips, hip), (body.hips - across_hips, hip), (body.waist, waist)], below);
        if dressed {
            self.skirt(hip);
        }
        self.modeller.group(body.waist.towards(body.neck, 0.5), 0.02);
        let hem = body.hips.towards(body.waist, 0.45);
        let shoulders = body.arms.map(|arm| arm.root - (arm.root - body.neck) * 0.12);
        self.modeller.body(
            &[
                (shoulders[0], shoulder),
                (shoulders[1], shoulder),
                (body.waist + across_waist, waist),
                (body.waist - across_waist, waist),
                (hem + across_waist, waist),
                (hem - across_waist, waist),
            ],
            clothes.top.colour,
        );
        self.pattern();
    }

    fn skirt(&mut self, hip: f32) {
        let body = self.skeleton;
        let hems = body.legs.map(|leg| leg.root.towards(leg.bend, 0.78));
        let balls: Vec<_> =
            body.legs.iter().zip(hems).flat_map(|(leg, hem)| [(leg.root, hip), (hem, 1.05 * hip)]).collect();
        self.modeller.body(&balls, self.actor.clothes.top.colour);
        self.modeller.patch(&[(hems[0], 0.3 * hip), (hems[1], 0.3 * hip)], self.actor.clothes.second.colour, -0.2);
    }

    /// Draws the pattern on the front of the clothes.
    fn pattern(&mut self) {
        let second = self.actor.clothes.second.colour;
        match self.actor.clothes.cut {
            Cut::StripedShirt => (0..5).for_each(|row| self.stripe(0.06 + 0.2 * row as f32, 0.02, second)),
            Cut::Sweater => self.stripe(0.62, 0.045, second),
            Cut::Jacket => self.opening(second),
            Cut::Dress => self.stripe(0.12, 0.025, second),
            Cut::TShirt => self.badge(second),
            Cut::TankTop => {}
        }
    }

    /// Draws a stripe across the trunk at the share `height` of the way from the hem to the shoulders.
    fn stripe(&mut self, height: f32, half_width: f32, colour: Colour) {
        let body = self.skeleton;
        let hem = body.hips.towards(body.waist, 0.4);
        let middle = if height < 0.4 {
            hem.towards(body.waist, height / 0.4)
        } else {
            body.waist.towards(body.neck, (height - 0.4) / 0.75)
        };
        let across = body.left * self.long(0.115 + 0.035 * height);
        let front = middle + body.chest * self.thick(0.03);
        let radius = self.thick(half_width);
        self.modeller.patch(&[(front - across, radius), (front + across, radius)], colour, 0.1);
    }

    fn opening(&mut self, colour: Colour) {
        let body = self.skeleton;
        let (across, out) = (body.left * self.thick(0.03), body.chest * self.thick(0.085));
        let (top, bottom) = (body.neck + out, body.hips.towards(body.waist, 0.4) + out);
        let wide = self.thick(0.02);
        self.modeller.patch(&[(top - across, wide), (top + across, wide), (bottom, wide)], colour, 0.2);
    }

    fn badge(&mut self, colour: Colour) {
        let body = self.skeleton;
        let centre = body.waist.towards(body.neck, 0.45) + body.chest * self.thick(0.1);
        self.modeller.patch(&[(centre, self.thick(0.05))], colour, 0.2);
    }

    fn neck(&mut self) {
        let body = self.skeleton;
        self.modeller.group(body.neck, 0.0);
        self.limb(body.neck, body.neck.towards(body.head, 0.5), [0.052, 0.05], self.skin() * 0.92);
    }

    fn head(&mut self) {
        let body = self.skeleton;
        self.modeller.group(body.head, 0.04);
        let size = self.long(self.actor.build.head);
        let at = |left: f32, up: f32, forward: f32| {
            body.head + (body.face.cross(body.crown) * -left + body.crown * up + body.face * forward) * size
        };
        let hair = self.actor.hair;
        match self.actor.haircut {
            Haircut::Bald => {}
            Haircut::Short => self.modeller.body(&[(at(0.0, 0.03, -0.02), 0.107 * size)], hair),
            Haircut::Bun => {
                self.modeller.body(&[(at(0.0, 0.1, -0.09), 0.06 * size)], hair);
                self.modeller.body(&[(at(0.0, 0.03, -0.02), 0.107 * size)], hair);
            }
            Haircut::Long => {
                let lock = (at(0.0, -0.15, -0.07), 0.085 * size);
                self.modeller.body(&[(at(0.0, 0.025, -0.02), 0.115 * size), lock], hair);
            }
        }
        let skin = self.skin();
        self.modeller.body(&[(at(0.0, 0.012, 0.0), 0.094 * size), (at(0.0, -0.062, 0.03), 0.062 * size)], skin);
        if self.actor.haircut != Haircut::Bald {
            let fringe = [(at(0.055, 0.075, 0.03), 0.035 * size), (at(-0.055, 0.075, 0.03), 0.035 * size)];
            self.modeller.patch(&fringe, hair, 0.2);
        }
        for side in [-0.036, 0.036] {
            self.modeller.patch(&[(at(side, 0.012, 0.085), 0.013 * size)], hex(0x20181A), 0.0);
        }
        self.modeller.patch(
            &[(at(-0.02, -0.052, 0.088), 0.007 * size), (at(0.02, -0.052, 0.088), 0.007 * size)],
            hex(0x8C3A3A),
            0.0,
        );
    }

    fn arm(&mut self, arm: &Limb) {
        let (skin, cloth) = (self.skin(), self.actor.clothes.top.colour);
        let (upper, lower) = match self.actor.clothes.cut {
            Cut::Jacket | Cut::Sweater => (1.0, 0.9),
            Cut::TankTop => (0.0, 0.0),
            _ => (0.6, 0.0),
        };
        self.modeller.group(arm.root.towards(arm.bend, 0.6), 0.03);
        self.limb(arm.root, arm.bend, [0.054, 0.045], skin);
        if upper > 0.0 {
            self.limb(arm.root, arm.root.towards(arm.bend, upper), [0.062, 0.055], cloth);
        }
        self.modeller.group(arm.bend.towards(arm.end, 0.6), 0.05);
        self.limb(arm.bend, arm.end, [0.045, 0.034], skin);
        if lower > 0.0 {
            self.limb(arm.bend, arm.bend.towards(arm.end, lower), [0.053, 0.043], cloth);
        }
        self.limb(arm.end.towards(arm.tip, 0.35), arm.tip, [0.042, 0.044], skin);
    }

    fn leg(&mut self, leg: &Limb) {
        let (skin, cloth) = (self.skin(), self.actor.clothes.bottom.colour);
        let (thigh, shank) = match self.actor.clothes.legwear {
            Legwear::Trousers => (cloth, cloth),
            Legwear::Shorts | Legwear::Bare => (skin, skin),
        };
        self.modeller.group(leg.bend.towards(leg.end, 0.5), 0.0);
        self.limb(leg.end + (leg.tip - leg.end) * -0.2, leg.tip, [0.048, 0.04], self.actor.clothes.shoes.colour);
        self.limb(leg.bend, leg.end, [0.06, 0.044], shank);
        self.modeller.group(leg.root.towards(leg.bend, 0.5), 0.03);
        self.limb(leg.root, leg.bend, [0.088, 0.064], thigh);
        if self.actor.clothes.legwear == Legwear::Shorts {
            self.limb(leg.root, leg.root.towards(leg.bend, 0.65), [0.096, 0.084], cloth);
        }
    }
}
